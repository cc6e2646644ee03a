import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDue } from '../../activities/sweep/start-due.ts';
import type { SweepPorts } from '../../activities/sweep/ports.ts';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import { defaultPace } from '../../domain/rotation.ts';
import { defaultLimits } from '../../domain/sweep.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { days, entry, freshVersion, minutes } from '../ledger/fixtures.ts';

const crowded = Array.from({ length: 12 }, (_, index) => parseCredentialId(`openai/prod/crowded-${index + 10}`));
const quiet = Array.from({ length: 3 }, (_, index) => parseCredentialId(`openai/prod/quiet-${index}`));

/** The real ledger with a clock in the hand; what is started is only noted, as a run that goes on. */
describe('many credentials that fell due while nobody swept', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let ledger: Ledger;
  let time: number;
  let started: CredentialId[];

  beforeEach(async () => {
    folder = temporaryFolder('sweep-due');
    time = Date.UTC(2026, 0, 1);
    started = [];
    ledger = await openLedger({ url: `sqlite:${folder.path}/ledger.sqlite`, clock: () => time });
    await ledger.applyInventory({
      teams: ['support'],
      entries: [
        ...crowded.map((id) => entry(id, { target: 'crowded' })),
        ...quiet.map((id) => entry(id, { target: 'quiet' })),
      ],
      targets: {},
      actor: 'test',
    });
    // Each a minute after the other, so that each falls due a minute after the other.
    for (const id of [...crowded, ...quiet]) {
      const version = freshVersion();
      await ledger.importVersion({
        ...{ credential: id, version, target: id.includes('quiet') ? 'quiet' : 'crowded', ref: { id: version } },
        ...{ fingerprint: `kb1:test:${version}`, copies: [], proofKey: new Uint8Array(32), who: 'test', current: true },
      });
      time += minutes(1);
    }
  });
  afterEach(async () => {
    await ledger.close();
    folder.remove();
  });

  /** One sweep; answers what it started, in order. */
  async function sweep(limits: Partial<typeof defaultLimits> = {}): Promise<readonly CredentialId[]> {
    const before = started.length;
    const ports: Pick<SweepPorts, 'ledger' | 'starts' | 'targets' | 'hooks'> = {
      ledger,
      hooks: {},
      targets: async () => [],
      starts: {
        running: async () => true,
        start: async ({ credential, reason, actor }) => {
          started.push(credential);
          await ledger.startRun({ credential, run: `run-of-${credential}`, reason, actor });
          return 'started';
        },
      },
    };
    await startDue(
      // Starting what is due asks for nothing else.
      ports as SweepPorts,
      { limits: { ...defaultLimits, atOnce: 1, ...limits }, pace: defaultPace },
      AbortSignal.timeout(20_000),
    );
    time += minutes(1);
    return started.slice(before);
  }

  it('are started by a few for each target and sweep, the longest due first, and each once', async () => {
    expect(await sweep()).toEqual([]);
    // Nobody swept for half a year: all that is one sweep's work is what one sweep does.
    time += days(180);
    expect(await sweep()).toEqual([...crowded.slice(0, 5), ...quiet]);
    expect(await sweep()).toEqual(crowded.slice(5, 10));
    expect(await sweep()).toEqual(crowded.slice(10));
    expect(await sweep()).toEqual([]);
    expect(new Set(started).size).toBe(started.length);
  });

  it('keep to the cap of the whole sweep too, and none is forgotten', async () => {
    time += days(180);
    const sizes: number[] = [];
    for (let left = crowded.length + quiet.length; left > 0;) {
      const now = await sweep({ starts: 4 });
      sizes.push(now.length);
      left -= now.length;
      expect(now.length).toBeGreaterThan(0);
    }
    expect(Math.max(...sizes)).toBe(4);
    expect(new Set(started)).toEqual(new Set([...crowded, ...quiet]));
  });
});
