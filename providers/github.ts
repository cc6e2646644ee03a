/**
 * GitHub kills personal access tokens, and tokens of OAuth and GitHub Apps, that it is shown, whoever shows them:
 * https://docs.github.com/en/rest/credentials/revoke. What that means: `docs/providers/github.md`.
 */
import { KeybatonError } from '../domain/errors.ts';
import { httpClient } from '../outbound/http-client.ts';
import type { ValueRevoker } from './value-revoker.ts';

/** Milliseconds: 60 calls an hour for one address. */
const limitedFor = 60_000;

export function gitHubRevoker({ baseUrl = 'https://api.github.com' } = {}): ValueRevoker {
  return {
    name: 'github',
    // Installation tokens (`ghs_`) are none of these: they end within the hour, and their holder can end them.
    pattern: /^(?:gh[poru]_[0-9A-Za-z]{36,251}|github_pat_\w{82})$/,
    async revoke(value, call) {
      // Never with a credential of our own: a call that signs in is refused. 202 for every value that has its shape.
      const answer = await httpClient({ baseUrl }).request({
        method: 'POST',
        path: '/credentials/revoke',
        body: { credentials: [value.revealValue()] },
        headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
        expect: [403],
        anyAnswer: true,
        signal: call.signal,
        deadline: call.deadline,
        now: () => call.now(),
      });
      // Nobody signed in, so nobody can be denied: it is how GitHub says that an address asks too often.
      if (answer.status === 403)
        throw new KeybatonError('RATE_LIMITED', 'github takes 60 such calls an hour from one address', {
          retryAfter: limitedFor,
        });
    },
  };
}
