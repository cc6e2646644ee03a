import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall, SeenStore } from '../backend.ts';
import type { VaultSession } from './session.ts';
import type { VaultClient } from './vault-client.ts';
import { vaultTrouble } from './vault-trouble.ts';

const where = 'sys/internal/ui/mounts';
const shape = z.object({
  data: z.object({
    secret: z.record(
      z.string(),
      z.object({ type: z.string(), options: z.object({ version: z.string().optional() }).nullish() }),
    ),
  }),
});

/** The KV engines under which the token may read anything. Every token may ask (https://developer.hashicorp.com/vault/api-docs/system/internal-ui-mounts). */
export async function mountsOf(
  client: VaultClient,
  session: VaultSession,
  call: BackendCall,
): Promise<readonly SeenStore[]> {
  const answer = await session.send(call, (token) =>
    client.read(where, { ...call, token, now: () => call.now(), mayHaveHappened: false }),
  );
  if (answer.status !== 200) throw vaultTrouble(answer, `read ${where}`, false);
  const read = shape.safeParse(answer.body);
  if (!read.success) throw new KeybatonError('UNAVAILABLE', `vault answered ${where} in a shape we do not know`);
  return Object.entries(read.data.data.secret)
    .filter(([, { type }]) => type === 'kv' || type === 'generic')
    .map(([path, { options }]) => {
      const settings = { mount: path.replace(/\/$/, '') };
      if (options?.version === '2') return { settings };
      const why = `${path} is KV version 1, which keeps no versions: turn it into version 2 (vault kv enable-versioning)`;
      return { settings, trouble: new KeybatonError('UNSUPPORTED', why) };
    });
}
