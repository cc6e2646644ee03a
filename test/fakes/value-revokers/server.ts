/**
 * Hugging Face's and GitHub's calls that kill a value they are shown, at one address. Pages, read 2026-11:
 * https://docs.github.com/en/rest/credentials/revoke (no signing in, at most 1000 values, 202 always, 422 for another shape),
 * https://huggingface.co/docs/hub/api (`POST /api/credentials/revoke`: no signing in, 202 always).
 */
import { randomBytes } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export function valueRevokersVendor({ onValue }: VendorOptions): Vendor<{ limited: boolean }> {
  const settings = { limited: false };
  const tokens = new Map<string, boolean>();
  const letters = (many: number): string =>
    randomBytes(4 * many)
      .toString('base64')
      .replace(/[^A-Za-z]/g, '')
      .slice(0, many);

  const revoke =
    ({ body, headers }: FakeRequest, gitHub: boolean) =>
    (): FakeAnswer => {
      if (gitHub && (headers.authorization !== undefined || settings.limited))
        return { status: 403, body: { message: 'API rate limit exceeded' } };
      const { credentials } = Object(body) as { credentials?: unknown };
      const good = Array.isArray(credentials) && credentials.length > 0 && credentials.length <= 1_000;
      if (!good) return { status: 422, body: { message: 'Validation Failed' } };
      for (const value of credentials) if (tokens.has(value)) tokens.set(value, false);
      return { status: 202, body: {} };
    };

  return {
    settings,
    operation(request): Operation {
      const verb = `${request.method} ${request.path}`;
      if (verb === 'POST /api/credentials/revoke') return { name: 'revoke', perform: revoke(request, false) };
      if (verb === 'POST /credentials/revoke') return { name: 'revoke', perform: revoke(request, true) };
      return { name: 'unknown', perform: () => ({ status: 404, body: { message: 'Not Found' } }) };
    },
    failure: (status, message) => ({ status, body: { message } }),
    lastValue: () => [...tokens.keys()].at(-1),
    control: {
      'POST /tokens': (body) => {
        const { prefix = 'hf_', length = 34 } = Object(body) as { prefix?: string; length?: number };
        const value = `${prefix}${letters(length)}`;
        tokens.set(value, true);
        onValue(value);
        return { value };
      },
      'POST /live': (body) => {
        const { value } = Object(body) as { value: string };
        return { live: tokens.get(value) ?? false };
      },
    },
  };
}
