// Read over the API what the panels show of a sweep or a trial; a curve is read again only after it has grown.

import { ApiError, request } from "./api.js";
import { DRAWN_TRIALS, drawnPoints } from "./curves.js";
import { forgetEffects, readEffects } from "./effects.js";
import { forgetFigures, readFigures } from "./figures.js";

const MAX_FAILED = 50; // failed trials whose messages are read
const curves = new Map(); // trial → what was read of it last

/** Remove every curve and figure that was kept. */
export function forgetCurves() {
  curves.clear();
  forgetFigures();
  forgetEffects();
}

/** All that the panel shows of a sweep, `heat` being the axes of its heat map and the epoch of its effects; `{missing}` says why there is none. */
export async function readSweep(key, id, count, heat) {
  const address = `v1/sweeps/${encodeURIComponent(id)}`;
  try {
    const [sweep, board] = await Promise.all([
      request(key, address), request(key, `${address}/leaderboard?limit=${count}`),
    ]);
    const failed = sweep.trials.failed
      ? (await request(key, `${address}/trials?state=failed&limit=${MAX_FAILED}`)).trials : [];
    const points = board.points.filter((point) => point.mean !== null).slice(0, drawnPoints(sweep));
    const groups = await Promise.all(points.map(async (point) => ({
      point, trials: await Promise.all(point.trials.slice(0, DRAWN_TRIALS).map((trial) => readCurve(key, trial))),
    })));
    const figures = await readFigures(key, groups[0]?.trials ?? []);
    const effects = await readEffects(key, sweep, heat);
    return { sweep, board, groups, failed, figures, effects };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { missing: error.message };
    throw error;
  }
}

/** All that the panel of a trial shows; `{missing}` says why there is none. */
export async function readTrial(key, id) {
  try {
    const trial = await request(key, `v1/trials/${encodeURIComponent(id)}`);
    return { trial, sweep: await request(key, `v1/sweeps/${encodeURIComponent(trial.sweep)}`) };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { missing: error.message };
    throw error;
  }
}

async function readCurve(key, { id, epoch, state }) {
  const kept = curves.get(id);
  if (kept && kept.epoch === epoch && kept.state === state) return kept;
  const { number, curve, best_file } = await request(key, `v1/trials/${encodeURIComponent(id)}`);
  const read = { id, number, epoch, state, curve, best_file };
  curves.set(id, read);
  return read;
}
