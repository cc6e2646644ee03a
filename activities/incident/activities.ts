import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { IncidentProgress, OutcomeFacts } from '../../domain/incident.ts';
import type { Delivery } from '../../domain/notice.ts';
import { notify, type NotifyInput } from '../notify.ts';
import { askOutcomes, type AskOutcomes } from './ask-outcomes.ts';
import { escalateRotations, type Escalations } from './escalate-rotations.ts';
import type { IncidentEffectPorts } from './ports.ts';
import { withTeam } from './with-team.ts';
import { recordIncident, type IncidentRecord } from './record-incident.ts';
import {
  askRotated,
  rotateDependent,
  type AskedDependent,
  type AskRotated,
  type RotateDependent,
} from './rotate-dependents.ts';
import { tendParts, type TendedParts, type TendParts } from './tend-parts.ts';

/** What an incident does beside killing: each bounded and idempotent; what fails is tried again by its workflow, for ever. */
export interface IncidentEffects {
  recordIncident(input: IncidentRecord): Promise<{ readonly unknown: readonly VersionId[] }>;
  askOutcomes(input: AskOutcomes): Promise<readonly OutcomeFacts[]>;
  escalateRotations(input: Escalations): Promise<{ readonly untold: readonly CredentialId[] }>;
  takeOverRotation(input: TakeOver): Promise<null>;
  tendParts(input: TendParts): Promise<TendedParts>;
  rotateDependent(input: RotateDependent): Promise<AskedDependent>;
  askRotated(input: AskRotated): Promise<{ rotated: boolean; gone: boolean; dependents: readonly CredentialId[] }>;
  tellPeople(input: NotifyInput): Promise<readonly Delivery[]>;
  /** Where to go on; null at the end. */
  scopeVersions(page: { readonly incident: string; readonly after: VersionId | null }): Promise<VersionId | null>;
  reportIncident(progress: IncidentProgress): Promise<null>;
}

export interface TakeOver {
  readonly incident: string;
  readonly credential: CredentialId;
  readonly compromised: readonly VersionId[];
}

/** `signal` gives each call the cancellation signal of the activity it runs in. */
export function createIncidentEffects(ports: IncidentEffectPorts, signal: () => AbortSignal): IncidentEffects {
  return {
    recordIncident: (input) => recordIncident(ports, input),
    askOutcomes: (input) => askOutcomes(ports, input, signal()),
    escalateRotations: (input) => escalateRotations(ports, input),
    takeOverRotation: async ({ incident, credential, compromised }) => {
      await ports.rotations.takeOver(credential, incident, compromised);
      return null;
    },
    tendParts: (input) => tendParts(ports, input),
    rotateDependent: (input) => rotateDependent(ports, input),
    askRotated: (input) => askRotated(ports, input),
    tellPeople: async (input) =>
      notify(ports.notify, { ...input, notice: await withTeam(ports, input.notice) }, signal()),
    scopeVersions: async ({ incident, after }) =>
      (await ports.hooks.scope({ incident, after: after ?? undefined }, signal())) ?? null,
    reportIncident: async (progress) => {
      await ports.hooks.report(progress, signal());
      return null;
    },
  };
}
