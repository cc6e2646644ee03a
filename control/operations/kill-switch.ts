import { KeybatonError } from '../../domain/errors.ts';
import type { EmergencyPorts, SwitchReach } from '../incident-ports.ts';
import { ledgerPatience } from './emergency-known.ts';
import { told, within } from './within.ts';

/** What a kill switch would end, before anybody says yes. Plain JSON; no secret. */
export interface SwitchBlast extends SwitchReach {
  readonly target: string;
  /** Credentials of ours that live at the target, by the kill sheet; `null`: there is none on this machine. */
  readonly credentials: readonly string[] | null;
  /** Who uses those; `null`: nobody knows without the kill sheet. */
  readonly consumers: readonly string[] | null;
}

export interface PulledSwitch {
  readonly blast: SwitchBlast;
  /** What could not be written down. */
  readonly troubles: readonly string[];
}

type Ports = Pick<EmergencyPorts, 'killSwitches' | 'known' | 'ledger'>;

export async function switchBlast(ports: Ports, target: string, name: string): Promise<SwitchBlast> {
  const reach = await ports.killSwitches.look(target, name);
  const { sheet } = await ports.known.killSheet();
  const here = sheet?.credentials.filter((one) => one.target === target);
  return {
    ...reach,
    target,
    credentials: here?.map(({ credential }) => credential) ?? null,
    consumers: here === undefined ? null : [...new Set(here.flatMap(({ consumers }) => consumers ?? []))].toSorted(),
  };
}

/**
 * Ends everything that the switch reaches, from this process. Whoever pulls it says how many keys that are: keys of others may
 * be among them. Afterwards it is written into the ledger, which it waits for no longer than an emergency does. Pulled
 * already is success. INVALID_CONFIG without the right number.
 */
export async function pullSwitch(
  ports: Ports,
  asked: {
    readonly target: string;
    readonly name: string;
    readonly count: number | undefined;
    readonly who: string;
    readonly why: string;
  },
): Promise<PulledSwitch> {
  const { target, name, count, who, why } = asked;
  const blast = await switchBlast(ports, target, name);
  if (count !== blast.keys.length)
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${name} of ${target} ends ${blast.keys.length} keys now, whoever holds them: look with --dry-run, then say --count ${blast.keys.length}`,
    );
  await ports.killSwitches.pull(target, name);
  const body = { target, switch: name, why, keys: blast.keys.map(({ id }) => id) };
  const noted = async (): Promise<void> =>
    (await ports.ledger()).note({ kind: 'kill-switch.pulled', actor: who, body });
  const troubles = await within('the ledger', ledgerPatience, noted()).then(
    () => [],
    (thrown: unknown) => [`the ledger has not heard of it, write it down: ${told(thrown)}`],
  );
  return { blast, troubles };
}
