/**
 * Did the provider refuse the credential itself? HTTP 401, and PostgreSQL's invalid password (28P01) or login not
 * permitted (28000). Not 403 or 429: those come with a good credential. Pass `isRefused` to `connect` for other clients.
 */
export function isRefused(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { status, statusCode, code, response } = error as Record<string, unknown>;
  const nested =
    typeof response === 'object' && response !== null ? (response as Record<string, unknown>)['status'] : undefined;
  return [status, statusCode, nested].includes(401) || code === '28P01' || code === '28000';
}
