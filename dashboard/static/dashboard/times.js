// Times relative to now. The server's clock counts: a laptop's may be wrong.

let ahead = 0; // milliseconds that the server's clock is ahead of this one

/** Take the server's word for what time it is, in seconds. */
export function serverTime(seconds) {
  ahead = seconds * 1000 - Date.now();
}

export const now = () => Date.now() + ahead;

/** How long ago, in words as short as they are honest. */
export function ago(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  const said =
    seconds < 60 ? `${seconds} s`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 172800 ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86400)} days`;
  return milliseconds < 0 ? `in ${said}` : `${said} ago`;
}

/** Bring every time on the page up to date. */
export function tellTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const said = ago(now() - Date.parse(element.dateTime));
    if (element.textContent !== said) element.textContent = said;
  }
}
