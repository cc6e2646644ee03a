import { KeybatonError } from '../../../domain/errors.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { asTargets } from '../../../inventory/targets.ts';
import type { CliPorts } from '../../cli/environment.ts';
import type { EmergencyPorts } from '../../incident-ports.ts';
import type { OperationPorts } from '../../operations/operation.ts';

/**
 * The ports of the API process: it holds no credential of any provider and reads no vault but the embedded one, so whatever
 * would need one is refused here, whichever operation asks, with the command to type where it can be done.
 */
export function withoutProviders({ ports, incidentPorts, access }: OperationPorts): OperationPorts {
  let open: Promise<CliPorts> | undefined;
  let openForIncidents: Promise<EmergencyPorts> | undefined;
  return {
    ports: () => (open ??= keep(ports().then(withoutAsking), () => (open = undefined))),
    incidentPorts: () =>
      (openForIncidents ??= keep(incidentPorts().then(withoutKilling), () => (openForIncidents = undefined))),
    ...(access === undefined ? {} : { access }),
  };
}

/** What failed to open is opened anew at the next question. */
async function keep<Value>(begun: Promise<Value>, forget: () => void): Promise<Value> {
  try {
    return await begun;
  } catch (thrown) {
    forget();
    throw thrown;
  }
}

const there = (command: string): Promise<never> =>
  Promise.reject(
    new KeybatonError(
      'UNSUPPORTED',
      `this needs a credential of a provider or backend, and the API holds none: on the host of a worker type: ${command}`,
    ),
  );

function withoutAsking({ sweeping, vaultKeys: _vaultKeys, drills: _drills, ...ports }: CliPorts): CliPorts {
  return {
    ...ports,
    vault: undefined,
    proofKeys: { read: () => there('keybaton status') },
    checks: {
      ...ports.checks,
      plan: (credential) => there(`keybaton plan ${credential}`),
      doctor: () => ports.checks.doctorHere?.() ?? there('keybaton doctor'),
    },
    supplies: {
      elsewhere: async (credential) =>
        (await onlyEmbedded(ports.ledger, credential)) ? undefined : `keybaton supply ${credential}`,
      supply: async (credential, value, actor) =>
        (await onlyEmbedded(ports.ledger, credential))
          ? ports.supplies.supply(credential, value, actor)
          : there(`keybaton supply ${credential}`),
      import: ({ credential }) => there(`keybaton import ${credential}`),
    },
    ...(sweeping === undefined
      ? {}
      : {
          sweeping: {
            ...sweeping,
            reconcile: (target) => there(`keybaton reconcile --target ${target}`),
            revokeStray: ({ target }) => there(`keybaton reconcile --target ${target} --revoke-strays`),
          },
        }),
  };
}

/** The embedded vault is ours: staging in it needs no credential of anybody. */
async function onlyEmbedded(ledger: CliPorts['ledger'], credential: CredentialId): Promise<boolean> {
  const { entry } = await ledger.facts(credential);
  const { backends } = asTargets(await ledger.appliedTargets());
  return entry.backends.every(
    ({ backend }) => Object.hasOwn(backends, backend) && backends[backend]?.kind === 'embedded',
  );
}

function withoutKilling(ports: EmergencyPorts): EmergencyPorts {
  return {
    ...ports,
    direct: {
      ...ports.direct,
      run: () =>
        Promise.reject(
          new KeybatonError('UNAVAILABLE', 'no worker took it, and the API holds no credential to kill with by itself'),
        ),
    },
    known: {
      ...ports.known,
      listed: () => there('keybaton emergency --provider NAME --direct --reason "..."'),
      byHint: () => there('keybaton emergency --leaked --reason "..."'),
      byStoredValue: () => there('keybaton emergency --leaked --reason "..."'),
      revokeByValue: () => there('keybaton emergency --leaked --reason "..."'),
    },
    killSwitches: {
      ...ports.killSwitches,
      look: (target, name) => there(`keybaton kill-switch ${target} ${name} --dry-run`),
      pull: (target, name) => there(`keybaton kill-switch ${target} ${name} --reason "..."`),
    },
  };
}
