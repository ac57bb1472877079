// Times relative to now. The server's clock counts: a laptop's may be wrong.

let ahead = 0; // milliseconds that the server's clock is ahead of this one

/** Set the server's time, in seconds. */
export function serverTime(seconds) {
  ahead = seconds * 1000 - Date.now();
}

export const now = () => Date.now() + ahead;

/** How long ago, in one unit. */
export function ago(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  const text =
    seconds < 60 ? `${seconds} s`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 172800 ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86400)} days`;
  return milliseconds < 0 ? `in ${text}` : `${text} ago`;
}

/** Update every time on the page. */
export function showTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const text = ago(now() - Date.parse(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}
