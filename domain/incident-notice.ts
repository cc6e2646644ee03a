import { formatDuration } from './duration.ts';
import { credentialParts, isCredentialId } from './identifiers.ts';
import { moments, shares, type IncidentProgress, type Moment, type OpenKey } from './incident.ts';
import { keysTold, type Notice, type NoticeKind } from './notice.ts';

/** What of an incident is told: its beginning and end, every moment reached, pages by the clock, a step that fails. */
export type IncidentTold =
  | { readonly kind: 'declared' }
  | { readonly kind: 'moment'; readonly moment: Moment }
  /** A share of the clock has passed and the incident is not through: 0.5, 0.8, 1. */
  | { readonly kind: 'page'; readonly share: number }
  /** No retry will help: a person is needed. */
  | { readonly kind: 'failed'; readonly step: Moment }
  | { readonly kind: 'taken' }
  | { readonly kind: 'closed' };

export interface IncidentNoticeInput {
  readonly told: IncidentTold;
  readonly progress: IncidentProgress;
  /** When it happened, epoch milliseconds. */
  readonly at: number;
  /** The clock as a whole, milliseconds. */
  readonly limit: number;
}

/** Pure, so that a workflow may make it. Of the progress it takes names, states, counts and times; never a `why`. */
export function incidentNotice({ told, progress, at, limit }: IncidentNoticeInput): Notice {
  const { incident, drill, open } = progress;
  const after = formatDuration(Math.max(0, at - progress.declaredAt));
  const one = onlyCredential(progress);
  const through = progress.keys === progress.dead && open.length === 0 && progress.more === 0;
  const person = open.find((key) => key.person);
  return {
    kind: kinds[told.kind],
    key: `incident/${incident}/${partOf(told)}`,
    about: `incident/${incident}`,
    at,
    severity: drill ? 'info' : severityOf(told, through),
    page: !drill && (told.kind === 'declared' || told.kind === 'page' || told.kind === 'failed'),
    drill,
    headline: `${drill ? 'drill: ' : ''}incident ${incident}: ${sentence(told, progress, after, limit)}`,
    lines: [`scope: ${namedScope(progress.scope)}`, countLine(progress)],
    next: nextCommand(told, incident, person),
    credential: one,
    provider: one && credentialParts(one).provider,
    environment: one && credentialParts(one).environment,
    team: undefined,
    incident,
    keys: open
      .slice(0, keysTold)
      .map(({ credential, version, keyId, state }) => ({ credential, version, keyId, state })),
    moreKeys: progress.more + Math.max(0, open.length - keysTold),
    clock: { declaredAt: progress.declaredAt, limit, reached: progress.reached },
  };
}

/** The pages an incident may have sent, so that whoever closes it can take them back. */
export const pageParts: readonly string[] = [
  'page-50',
  'page-80',
  'page-100',
  ...moments.map((step) => `failed-${step}`),
];

const kinds: Readonly<Record<IncidentTold['kind'], NoticeKind>> = {
  declared: 'incident.declared',
  moment: 'incident.moment',
  page: 'incident.page',
  failed: 'incident.failed',
  taken: 'incident.taken',
  closed: 'incident.closed',
};

function partOf(told: IncidentTold): string {
  if (told.kind === 'moment') return `moment-${told.moment}`;
  if (told.kind === 'page') return `page-${Math.round(told.share * 100)}`;
  if (told.kind === 'failed') return `failed-${told.step}`;
  return told.kind;
}

function severityOf(told: IncidentTold, through: boolean): Notice['severity'] {
  if (told.kind === 'closed') return through ? 'info' : 'warning';
  if (told.kind === 'moment' || told.kind === 'taken') return 'info';
  return 'critical';
}

const momentSentences: Readonly<Record<Moment, string>> = {
  declared: 'declared',
  contained: 'every key is revoked at its provider; revoked is not yet dead',
  dead: 'every key is proved dead',
  replaced: 'every credential has a replacement',
  confirmed: 'every consumer has proved its replacement',
  scoped: 'who read and used the keys has been looked up',
  reported: 'the report is written',
};

function sentence(told: IncidentTold, { keys, dead }: IncidentProgress, after: string, limit: number): string {
  switch (told.kind) {
    case 'declared':
      return keys === 0 ? 'a leaked value that no known key has' : `${keysText(keys)} declared compromised`;
    case 'moment': {
      const planned = formatDuration(shares[told.moment] * limit);
      return `${momentSentences[told.moment]}, after ${after} (planned: ${planned})`;
    }
    case 'page':
      return `${Math.round(told.share * 100)} % of the clock has passed (${after}), and it is not through`;
    case 'failed':
      return `a person is needed: ${failureSentences[told.step]}`;
    case 'taken':
      return 'a person has taken over';
    case 'closed':
      return dead < keys
        ? `closed after ${after} with ${keys - dead} of ${keysText(keys)} not proved dead: they stay debts and are worked on`
        : `closed after ${after}`;
  }
}

const failureSentences: Readonly<Record<Moment, string>> = {
  declared: 'it could not be recorded',
  contained: 'a key cannot be revoked by any API call of ours',
  dead: 'a revoked key cannot be proved dead',
  replaced: 'a credential cannot be replaced',
  confirmed: 'a consumer does not take its replacement',
  scoped: 'the trails cannot be read',
  reported: 'the report cannot be written',
};

function countLine({ keys, contained, dead, replaced, confirmed }: IncidentProgress): string {
  return `of ${keysText(keys)}: ${contained} contained, ${dead} proved dead, ${replaced} replaced, ${confirmed} confirmed`;
}

const keysText = (keys: number): string => (keys === 1 ? '1 key' : `${keys} keys`);

function nextCommand(told: IncidentTold, incident: string, person: OpenKey | undefined): string {
  if (told.kind === 'closed') return `keybaton incident show ${incident}`;
  if (person !== undefined && person.state !== 'not replaced' && person.state !== 'not confirmed')
    return `keybaton show ${person.credential} --by-hand`;
  if (person !== undefined) return `keybaton status ${person.credential}`;
  return `keybaton incident watch ${incident}`;
}

const plainScope = /^(provider|team|environment|group|backend|leak source) [a-z0-9][a-z0-9-]{0,62}$/;

/** Only what has the shape of a name we know; whatever else was typed may be the secret. */
function namedScope(scope: string): string {
  const credential = scope.startsWith('credential ') ? scope.slice('credential '.length) : '';
  if (isCredentialId(credential) || plainScope.test(scope) || scope === 'a leaked value') return scope;
  return 'see the incident';
}

function onlyCredential({ keys, scope, open }: IncidentProgress) {
  const named = scope.startsWith('credential ') ? scope.slice('credential '.length) : '';
  if (isCredentialId(named)) return named;
  return keys === 1 ? open[0]?.credential : undefined;
}
