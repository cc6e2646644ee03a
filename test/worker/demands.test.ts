import { afterEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../domain/entry.ts';
import { openRig, type Rig, type RigOptions } from '../activities/rig.ts';
import { consumer } from '../support/rotation-world.ts';
import { checksOf } from './checks-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const checks = () => checksOf(rig);

describe('demands', () => {
  const targets = (changes: object = {}, backends: object = {}) => ({
    targets: {
      target: {
        provider: 'in-memory',
        environment: 'test',
        settings: {},
        admin: 'env:ADMIN',
        teams: ['team'],
        paths: ['ai'],
        probes: {},
        ...changes,
      },
    },
    backends: { shelf: { kind: 'in-memory', settings: {}, path: 'ai' }, ...backends },
  });
  const asked = (entry: Partial<Entry>, known: unknown = targets()) =>
    checks().demands([{ ...rig.entry, ...entry }], known);
  const shelf = { backend: 'shelf', path: 'ai/test/bot' };

  test('that can be shown are no finding', async () => {
    await open();
    expect(await asked({ consumers: [consumer('api')], silence: { for: 60_000 } })).toEqual([]);
  });

  test('for possession need a field that carries the value', async () => {
    await open();
    const fields = (template: string) => ({
      consumers: [consumer('api')],
      backends: [{ ...shelf, fields: { URL: template } }],
    });
    expect(await asked(fields('https://{api_key|url}@there'))).toEqual([]);
    expect(await asked(fields('nothing'))).toMatchObject([
      { subject: rig.id, text: expect.stringContaining('possession') },
    ]);
  });

  test('for an endpoint need a probe of the target', async () => {
    await open();
    const consumers = [consumer('api', { demand: 'endpoint-reported', probe: 'health' })];
    expect(await asked({ consumers })).toMatchObject([{ verdict: 'failure' }]);
    expect(await asked({ consumers }, targets({ probes: { health: 'https://there/' } }))).toEqual([]);
  });

  test('for a reading need a name of the reader and a backend that keeps a record of readings', async () => {
    await open();
    const consumers = [consumer('api', { demand: 'observed-read', reader: 'role:api' })];
    const vault = (settings: object) => ({
      vault: { kind: 'vault-kv', settings: { address: 'https://vault.example.com', ...settings }, path: 'ai' },
    });
    const backends = ['shelf', 'vault'].map((backend) => ({ ...shelf, backend, fields: undefined }));
    const recorded = targets({}, vault({ auditFile: '/var/log/vault/audit.log' }));
    expect(await asked({ consumers, backends }, recorded)).toEqual([]);
    expect(await asked({ consumers, backends }, targets({}, vault({})))).toMatchObject([
      { subject: rig.id, verdict: 'failure', remedy: expect.stringContaining('auditFile') },
    ]);
    const nameless = [consumer('api', { demand: 'observed-read' })];
    expect(await asked({ consumers: nameless, backends }, recorded)).toMatchObject([
      { verdict: 'failure', remedy: expect.stringContaining('role:web') },
    ]);
  });

  test('for less silence than the signal lags are refused', async () => {
    await open();
    const lagging = targets({ settings: { usageLag: 120_000 } });
    expect(await asked({ silence: { for: 60_000 } }, lagging)).toMatchObject([
      { text: expect.stringContaining('2 min') },
    ]);
    expect(await asked({ silence: { for: 120_000 } }, lagging)).toEqual([]);
  });

  test('that outlive the keys of their target are refused', async () => {
    await open({ powers: { expiry: true } });
    const day = 86_400_000;
    expect(await asked({}, targets({ expiry: 179 * day }))).toMatchObject([{ text: expect.stringContaining('180 d') }]);
    expect(await asked({}, targets({ expiry: 180 * day }))).toEqual([]);
  });

  test('for more keys than fit are refused, those of other teams counted', async () => {
    await open();
    const full = targets({ settings: { maxLive: 2 } });
    expect(await asked({}, full)).toEqual([]);
    expect(await asked({ standby: true }, full)).toMatchObject([{ text: expect.stringContaining('need 3') }]);
    const others = { ...rig.entry, id: 'in-memory/test/other' as Entry['id'], team: 'others' };
    expect(await checks().demands([others], full)).toMatchObject([{ text: expect.stringContaining('need 4') }]);
  });

  test('whose admin credential lies only where the credential lies are refused', async () => {
    await open();
    const locked = targets({ admin: 'vault:shelf/admin' }, { safe: { kind: 'in-memory', settings: {}, path: 'ai' } });
    expect(await asked({}, locked)).toMatchObject([{ text: expect.stringContaining('contain a leak') }]);
    expect(await asked({}, targets({ admin: 'vault:safe/admin' }))).toEqual([]);
    const second = { admin: 'vault:shelf/admin', secondAdmin: 'env:BREAK_GLASS' };
    expect(await asked({}, targets(second))).toEqual([]);
    expect(await asked({}, targets({ ...second, secondAdmin: 'vault:shelf/other' }))).toMatchObject([
      { remedy: expect.stringContaining('secondAdmin') },
    ]);
  });

  test('of a supplied credential need a store that can be read', async () => {
    await open({ powers: { keys: 'operator-supplied' }, readable: false });
    expect(await asked({})).toMatchObject([{ text: expect.stringContaining('never adopted') }]);
  });

  test('of a target that nobody knows, or that is set wrongly, cannot be told', async () => {
    await open();
    expect(await asked({}, targets({ provider: 'unheard-of' }))).toMatchObject([{ verdict: 'cannot tell' }]);
    expect(await asked({}, targets({ settings: { maxLive: 'kbcanary' } }))).toMatchObject([{ verdict: 'cannot tell' }]);
    expect(JSON.stringify(await asked({}, targets({ settings: { maxLive: 'kbcanary' } })))).not.toContain('kbcanary');
  });
});
