/**
 * Hugging Face kills a user access token that it is shown, whoever shows it: https://huggingface.co/docs/hub/security-tokens
 * and .../api `POST /api/credentials/revoke`. What that means: `docs/providers/hugging-face.md`.
 */
import { httpClient } from '../outbound/http-client.ts';
import type { ValueRevoker } from './value-revoker.ts';

export function huggingFaceRevoker({ baseUrl = 'https://huggingface.co' } = {}): ValueRevoker {
  return {
    name: 'hugging-face',
    pattern: /^hf_[A-Za-z]{34}$/,
    async revoke(value, call) {
      // 202 for every value that has its shape, also one that it never made: it has heard, and proves nothing.
      await httpClient({ baseUrl }).request({
        method: 'POST',
        path: '/api/credentials/revoke',
        body: { credentials: [value.revealValue()] },
        anyAnswer: true,
        signal: call.signal,
        deadline: call.deadline,
        now: () => call.now(),
      });
    },
  };
}
