import { formatDuration } from '../domain/duration.ts';
import { codeOf } from '../domain/errors.ts';
import type { Entry } from '../domain/entry.ts';
import { parseCredentialId, versionIdFrom } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { Place } from '../backends/backend.ts';
import type { Call, PreflightRequest } from '../providers/provider.ts';
import { backendCall, providerCall } from './calls.ts';
import { checked, troubleFinding, type CheckFinding } from './check-finding.ts';
import { preflightRequest } from './plan-new-version.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

export interface DoctorInput {
  readonly entries: readonly Entry[];
  /** Names of everything applied. */
  readonly targets: readonly string[];
  readonly backends: readonly string[];
  /** Longest time for one check, in milliseconds. */
  readonly limit: number;
}

/** Whose path a backend without entries is probed beside, and whom a target without entries is asked for. */
const nobody = parseCredentialId('keybaton/doctor/canary');
/** More than this between two clocks shortens or stretches every deadline. */
const skewLimit = 2_000;

/** Ledger, installation key, every applied backend and every applied target. All at once; none hides another. */
export async function checkDoctor(
  ports: ActivityPorts,
  { entries, targets, backends, limit }: DoctorInput,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const found = await Promise.all([
    checked('ledger', limit, signal, () => ledgerFindings(ports)),
    checked('ledger clock', limit, signal, () => clockFinding(ports, 'the ledger', () => ports.ledger.clock())),
    checked('installation key', limit, signal, () => keyFinding(ports)),
    ...backends.map((name) =>
      checked(`backend ${name}`, limit, signal, (inner) => backendFinding(ports, name, placeIn(name, entries), inner)),
    ),
    ...targets.map((name) =>
      checked(`target ${name}`, limit, signal, (inner) => targetFindings(ports, name, entries, inner)),
    ),
  ]);
  return found.flat();
}

/** Clock of another machine against ours, the way there and back shared evenly. */
export async function clockFinding(
  ports: Pick<ActivityPorts, 'now'>,
  whose: string,
  read: () => Promise<number>,
): Promise<CheckFinding> {
  const subject = `clock of ${whose}`;
  const before = ports.now();
  const theirs = await read();
  const after = ports.now();
  const skew = Math.round(theirs - (before + after) / 2);
  const size = Math.abs(skew);
  if (size <= skewLimit + (after - before) / 2)
    return { subject, verdict: 'ok', text: `within ${formatDuration(size)} of ours` };
  return {
    subject,
    verdict: 'failure',
    text: `${formatDuration(size)} ${skew > 0 ? 'ahead of' : 'behind'} ours: deadlines of calls would be wrong`,
    remedy: 'set both clocks by NTP',
  };
}

async function ledgerFindings({ ledger }: ActivityPorts): Promise<CheckFinding> {
  const subject = 'ledger';
  const chain = await ledger.verifyChain();
  const [first] = chain.broken;
  if (first === undefined)
    return { subject, verdict: 'ok', text: `${chain.events} events, chained to ${chain.head.slice(0, 12)}` };
  return {
    subject,
    verdict: 'failure',
    text: `the chain is broken at event ${first.n}: ${first.why}`,
    remedy: 'stop rotations, keep a copy of the ledger, and run keybaton audit verify',
  };
}

/** Fingerprints name the key they were made with: another key finds no leaked value and opens no proof. */
async function keyFinding({ ledger, keys }: ActivityPorts): Promise<CheckFinding> {
  const subject = 'installation key';
  const keyOf = (fingerprint: string): string => fingerprint.split(':')[1] ?? '';
  const ours = keyOf(keys.fingerprint('doctor', new SecretMaterial({ canary: 'canary' }, 'canary')));
  const credentials = await ledger.list({ limit: 100 });
  const marked = credentials.flatMap(({ versions }) =>
    versions.flatMap(({ fate, fingerprint }) =>
      fate === 'dead' || fingerprint === undefined ? [] : [keyOf(fingerprint)],
    ),
  );
  const others = new Set(marked.filter((id) => id !== ours));
  if (others.size === 0)
    return {
      subject,
      verdict: 'ok',
      text: marked.length === 0 ? `${ours}; nothing was made with it yet` : `${ours}, as the ledger knows it`,
    };
  return {
    subject,
    verdict: 'failure',
    text: `this process has key ${ours}, and versions of the ledger were made with ${[...others].join(', ')}`,
    remedy: 'give this process the installation key of the host that issued them',
  };
}

/** Beside a path that is in use, since policies are written by path. */
function placeIn(backend: string, entries: readonly Entry[]): Place {
  for (const { id, backends } of entries) {
    const use = backends.find((one) => one.backend === backend);
    if (use !== undefined)
      return { credential: id, path: use.path, ...(use.fields === undefined ? {} : { fields: use.fields }) };
  }
  return { credential: nobody, path: 'ai/keybaton/doctor/canary' };
}

async function backendFinding(
  ports: ActivityPorts,
  name: string,
  place: Place,
  signal: AbortSignal,
): Promise<CheckFinding> {
  const backend = await ports.backend(name);
  await backend.probe(place, backendCall(ports, signal));
  const what = backend.readable ? 'written, read back and destroyed' : 'written and destroyed (it is write-only)';
  return { subject: `backend ${name}`, verdict: 'ok', text: `a canary beside ${place.path} was ${what}` };
}

async function targetFindings(
  ports: ActivityPorts,
  name: string,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const subject = `target ${name}`;
  const provider = await ports.provider(name);
  const user = entries.find(({ target }) => target === name)?.id;
  const facts = user === undefined ? { id: nobody, now: ports.now(), versions: [] } : await ports.ledger.facts(user);
  const request = await preflightRequest(ports, provider, facts, versionIdFrom(ports.random(64)));
  const call = () => providerCall(ports, provider.traits.callTimeout, signal);
  const admin = await provider.preflight(request, call()).then(
    ({ place }): CheckFinding => ({
      subject,
      verdict: 'ok',
      text: `the admin credential may do what a rotation needs in ${place}`,
    }),
    (thrown: unknown): CheckFinding => {
      if (codeOf(thrown) !== 'CAPACITY_EXHAUSTED') throw thrown;
      // The admin credential was accepted; a rotation that is under way fills a pair.
      return { ...troubleFinding(subject, thrown), verdict: 'warning' };
    },
  );
  const [alone, privilege] = await Promise.all([
    aloneFindings(provider, subject, request, call),
    privilegeFindings(provider, subject, call),
  ]);
  return [admin, ...alone, ...privilege];
}

/** Of two admin credentials one hides that the other does not work, until it is gone: each is asked for itself. */
async function aloneFindings(
  { alone }: BoundProvider,
  subject: string,
  request: PreflightRequest,
  call: () => Call,
): Promise<readonly CheckFinding[]> {
  if (alone === undefined) return [];
  const asked = (['admin', 'secondAdmin'] as const).map(async (name): Promise<CheckFinding | undefined> => {
    try {
      await alone[name].preflight(request, call());
      return undefined;
    } catch (thrown) {
      // It was accepted, and the room it did not find is told of already.
      if (codeOf(thrown) === 'CAPACITY_EXHAUSTED') return undefined;
      const trouble = troubleFinding(subject, thrown);
      const other = name === 'admin' ? 'secondAdmin' : 'admin';
      return { ...trouble, verdict: 'warning', text: `only its ${other} works: with its ${name}, ${trouble.text}` };
    }
  });
  return (await Promise.all(asked)).filter((finding) => finding !== undefined);
}

const byHand = 'compare it by hand with what the page of this provider asks for';

async function privilegeFindings(
  { excess }: BoundProvider,
  subject: string,
  call: () => Call,
): Promise<readonly CheckFinding[]> {
  if (excess === undefined)
    return [
      {
        subject,
        verdict: 'cannot tell',
        text: 'the provider does not say whether its admin credential may do more than it needs',
        remedy: byHand,
      },
    ];
  const more = await excess(call()).catch((thrown: unknown): CheckFinding => {
    const trouble = troubleFinding(subject, thrown);
    if (codeOf(thrown) !== 'UNSUPPORTED') return trouble;
    const text = `the provider does not say all that its admin credential may do: ${trouble.text}`;
    return { subject, verdict: 'cannot tell', text, remedy: byHand };
  });
  if ('verdict' in more) return [more];
  if (more.length === 0)
    return [{ subject, verdict: 'ok', text: 'the admin credential may do nothing beyond what is needed' }];
  return [
    {
      subject,
      verdict: 'warning',
      text: `the admin credential may do more than it needs: ${more.join('; ')}`,
      remedy: 'take these rights from it: whoever steals it has them',
    },
  ];
}
