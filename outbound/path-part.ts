/**
 * One part of a path: everything but letters, digits, `-`, `_` and `.` percent-encoded. So it also stays one word in a
 * command line that is shown to people, whatever an id from outside holds.
 */
export const pathPart = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
