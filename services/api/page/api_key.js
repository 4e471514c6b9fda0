// The API key: taken from the address's fragment or typed in, kept in this tab, never left in an address.

const STORAGE_NAME = "cnnlab.key";

/** The key of this tab, or null. */
export const get = () => sessionStorage.getItem(STORAGE_NAME);

/** Keep a key until the tab is closed. */
export const keep = (key) => sessionStorage.setItem(STORAGE_NAME, key.trim());

/** Remove the key. */
export const forget = () => sessionStorage.removeItem(STORAGE_NAME);

/** Move the key from `#key=…`, if it is there, into this tab, and out of the address bar and the history. */
export function takeFromAddress() {
  const match = /^#key=(.+)$/.exec(location.hash);
  if (!match) return false;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    keep(decodeURIComponent(match[1]));
  } catch {
    keep(match[1]); // a percent sign that encodes nothing
  }
  return true;
}
