// What the panel shows of a sweep, read over the API; of curves only what has grown since.

import { ask, Refusal } from "./api.js";
import { DRAWN_TRIALS, drawnPoints } from "./curves.js";

const FAILED = 50; // failed trials whose words are read
const curves = new Map(); // trial → {epoch, state, curve} as last read

/** Drop every curve that was kept. */
export const forgetCurves = () => curves.clear();

/** Everything the panel shows of a sweep; `missing` where there is no such sweep. */
export async function readSweep(key, id, count) {
  const address = `v1/sweeps/${encodeURIComponent(id)}`;
  try {
    const [sweep, board] = await Promise.all([
      ask(key, address), ask(key, `${address}/leaderboard?limit=${count}`),
    ]);
    const failed = sweep.trials.failed ? (await ask(key, `${address}/trials?state=failed&limit=${FAILED}`)).trials : [];
    const points = board.points.filter((point) => point.mean !== null).slice(0, drawnPoints(sweep));
    const groups = await Promise.all(points.map(async (point) => ({
      point, trials: await Promise.all(point.trials.slice(0, DRAWN_TRIALS).map((trial) => curveOf(key, trial))),
    })));
    return { sweep, board, groups, failed };
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return { missing: error.message };
    throw error;
  }
}

async function curveOf(key, { id, epoch, state: now }) {
  const known = curves.get(id);
  if (known && known.epoch === epoch && known.state === now) return known;
  const { curve } = await ask(key, `v1/trials/${encodeURIComponent(id)}`);
  const found = { epoch, state: now, curve };
  curves.set(id, found);
  return found;
}
