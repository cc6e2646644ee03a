import { expect, it } from 'vitest';
import { createIncidentEffects } from '../../activities/incident/activities.ts';
import type { IncidentEffectPorts } from '../../activities/incident/ports.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { Notice } from '../../domain/notice.ts';
import { credential, told } from '../outbound/notices.ts';

/** What one channel was told, with a ledger that answers as given. */
async function toldWith(ledger: () => Promise<unknown>, notice: Notice): Promise<readonly Notice[]> {
  const seen: Notice[] = [];
  const ports = {
    ledger,
    notify: {
      now: () => 0,
      channels: async () => [
        {
          name: 'people',
          dropsRepeats: true,
          tells: () => true,
          send: async (one: Notice) => {
            seen.push(one);
            return { memory: undefined };
          },
        },
      ],
    },
    // Nothing else is asked when people are told.
  } as unknown as IncidentEffectPorts;
  await createIncidentEffects(ports, () => AbortSignal.timeout(10_000)).tellPeople({ notice });
  return seen;
}

const one = told({ kind: 'declared' }, { scope: `credential ${credential}` });
const ledgerOf = async () => ({ facts: async () => ({ entry: { team: 'support' } }) });

it('tells whose credential it is', async () => {
  expect(await toldWith(ledgerOf, one)).toMatchObject([{ credential, team: 'support' }]);
});

it('tells all the same, and soon, while the ledger is down or silent', async () => {
  const down = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger is down'));
  expect(await toldWith(down, one)).toMatchObject([{ credential, team: undefined }]);
  expect(await toldWith(() => new Promise(() => undefined), one)).toMatchObject([{ team: undefined }]);
});

it('asks nobody where it is about many', async () => {
  const asked = () => Promise.reject(new Error('nobody is to be asked'));
  expect(await toldWith(asked, told({ kind: 'declared' }))).toMatchObject([{ team: undefined }]);
});
