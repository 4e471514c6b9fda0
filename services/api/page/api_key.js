// The API's key: taken from the address's fragment or typed, kept in this tab, never part of an address.

const PLACE = "cnnlab.key";

/** The key of this tab, or null. */
export const known = () => sessionStorage.getItem(PLACE);

/** Keep a key until the tab is closed. */
export const keep = (key) => sessionStorage.setItem(PLACE, key.trim());

/** Drop the key. */
export const forget = () => sessionStorage.removeItem(PLACE);

/** Take the key out of `#key=…`, if it is there, and out of the address bar and the history with it. */
export function takeFromAddress() {
  const found = /^#key=(.+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    keep(decodeURIComponent(found[1]));
  } catch {
    keep(found[1]); // a percent sign that encodes nothing
  }
  return true;
}
