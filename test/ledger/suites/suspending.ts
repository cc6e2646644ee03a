import { describe, expect } from 'vitest';
import type { VersionId } from '../../../domain/identifiers.ts';
import { bot, entry, minutes } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario, silent, type Scenario } from '../scenario.ts';
import { ready } from './ready.ts';

const suspend = (
  { ledger }: Scenario,
  version: VersionId,
  { epoch = 2, signal = true }: { readonly epoch?: number; readonly signal?: boolean } = {},
): Promise<unknown> => ledger.intend({ version, effect: 'suspend', place: 'key', epoch, within: minutes(1), signal });

/** What comes between the asking of GATE and the suspend is seen by the transaction that writes its intent. */
export function suspendingSuite(place: Place): void {
  describe('the intent of a suspend', () => {
    scenario(place, 'is written when nothing of GATE is missing', async (scenario) => {
      const old = await ready(scenario);
      await suspend(scenario, old);
      expect((await scenario.version(old)).intents.map((one) => one.effect)).toContain('suspend');
    });

    scenario(place, 'is refused once an instance fell back', async (scenario) => {
      const old = await ready(scenario);
      const fallBack = { consumer: 'api', instance: 'one', what: 'fell-back', version: old } as const;
      await scenario.ledger.withdraw({ credential: bot, epoch: 2, ...fallBack });
      await expectRefusal(suspend(scenario, old), 'CONFLICT', /no suspend of this version: api\/one: withdrawn/);
      expect((await scenario.version(old)).intents.map((one) => one.effect)).not.toContain('suspend');
    });

    scenario(place, 'is refused once a new instance beats', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.beat({ credential: bot, consumer: 'api', instance: 'late', boot: 'b', lease: minutes(10) });
      await expectRefusal(suspend(scenario, old), 'CONFLICT', /api\/late: not proved/);
    });

    scenario(place, 'is refused under an epoch that is not the newest, or without one', async (scenario) => {
      const old = await ready(scenario);
      await expectRefusal(suspend(scenario, old, { epoch: 1 }), 'CONFLICT', /epoch 2 is the newest, not 1/);
      const unsaid = { version: old, effect: 'suspend', place: 'key', within: 1 } as const;
      await expectRefusal(scenario.ledger.intend(unsaid), 'CONFLICT', /epoch 2 is the newest/);
    });

    scenario(place, 'is refused while the old version is used, where the provider tells it', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.watch(old, { ...silent(scenario.now()), lastUseAt: scenario.now() - minutes(1) });
      await expectRefusal(suspend(scenario, old), 'CONFLICT', /silent/);
      await suspend(scenario, old, { signal: false });
    });

    for (const kind of ['pause', 'freeze', 'rollBack'] as const) {
      scenario(place, `is refused while a ${kind} is asked for`, async (scenario) => {
        const old = await ready(scenario);
        const named = kind === 'rollBack' ? { version: old } : {};
        const asked = { kind, credential: bot, who: 'os:tester', why: 'wait', ...named } as const;
        const { id } = await scenario.ledger.request(asked);
        await expectRefusal(suspend(scenario, old), 'CONFLICT', new RegExp(kind));
        await scenario.ledger.withdrawRequest({ id, who: 'os:tester', why: 'go on' });
        await suspend(scenario, old);
      });
    }

    scenario(place, 'is refused during a freeze of everything', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      await expectRefusal(suspend(scenario, old), 'CONFLICT', /freeze/);
    });

    scenario(place, 'is refused in mode ask until a person releases this epoch', async (scenario) => {
      const old = await ready(scenario);
      await scenario.apply(entry(bot, { mode: 'ask' }));
      await expectRefusal(suspend(scenario, old), 'CONFLICT', /mode is ask/);
    });

    scenario(place, 'asks nothing of GATE for a version that leaked', async (scenario) => {
      const old = await scenario.rotate();
      await scenario.rotate();
      await scenario.ledger.declareIncident({ incident: 'i', versions: [old], who: 'os:tester', why: 'leaked' });
      await scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      await suspend(scenario, old);
    });
  });
}
