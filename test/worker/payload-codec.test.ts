import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { installationKey } from '../../worker/installation-key.ts';
import { payloadCodec } from '../../worker/payload-codec.ts';

describe('the payload codec', () => {
  const payload = defaultPayloadConverter.toPayload({ credential: 'openai/prod/support-bot' });

  it('seals what Temporal keeps, and opens it again', async () => {
    const codec = payloadCodec(installationKey(randomBytes(32)));
    const [sealed] = await codec.encode([payload]);
    expect(Buffer.from(sealed?.data ?? []).toString()).not.toContain('support-bot');
    const [opened] = await codec.decode(sealed === undefined ? [] : [sealed]);
    expect(opened === undefined ? undefined : defaultPayloadConverter.fromPayload(opened)).toEqual({
      credential: 'openai/prod/support-bot',
    });
  });

  it('reads what was written before it was switched on', async () => {
    const codec = payloadCodec(installationKey(randomBytes(32)));
    expect(await codec.decode([payload])).toEqual([payload]);
  });

  it('refuses what another installation sealed, and what was changed', async () => {
    const codec = payloadCodec(installationKey(randomBytes(32)));
    const [foreign] = await payloadCodec(installationKey(randomBytes(32))).encode([payload]);
    await expect(codec.decode(foreign === undefined ? [] : [foreign])).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const [own] = await codec.encode([payload]);
    if (own?.data) own.data[own.data.length - 1] = (own.data[own.data.length - 1] ?? 0) ^ 1;
    await expect(codec.decode(own === undefined ? [] : [own])).rejects.toThrow();
  });
});
