import type { CheckFinding } from '../activities/check-finding.ts';
import type { ActivityPorts } from '../activities/ports.ts';
import { drillEvery, drillTierPlace, type DrillKept } from '../domain/drill.ts';
import { formatDuration } from '../domain/duration.ts';
import type { Entry, Tier } from '../domain/entry.ts';

const tiers: readonly Tier[] = ['critical', 'standard', 'low'];

/** Of each tier that is to be drilled and has a credential that can be: is its last drill old, did it fail, was there none? */
export async function drillFindings(
  ports: Pick<ActivityPorts, 'ledger' | 'provider'>,
  entries: readonly Entry[],
): Promise<readonly CheckFinding[]> {
  const now = await ports.ledger.clock();
  const found: CheckFinding[] = [];
  for (const tier of tiers) {
    const every = drillEvery[tier];
    const target = every === undefined ? undefined : await minting(ports, entries, tier);
    if (every === undefined || target === undefined) continue;
    const text = await ports.ledger.remembered(drillTierPlace(tier));
    // Written by a drill of ours and by nobody else.
    const last = text === undefined ? undefined : (JSON.parse(text) as DrillKept);
    found.push(drillFinding({ tier, every, last, now, target }));
  }
  return found;
}

/** Pure. */
export function drillFinding(input: {
  readonly tier: Tier;
  readonly every: number;
  readonly last: DrillKept | undefined;
  readonly now: number;
  /** One where such a credential can be drilled. */
  readonly target: string;
}): CheckFinding {
  const { tier, every, last, now, target } = input;
  const subject = `drill of tier ${tier}`;
  const remedy = `run keybaton drill --target ${target}, or say drills: scheduled for it in targets.yml`;
  if (last === undefined)
    return { subject, verdict: 'warning', text: 'none was ever run: nobody knows how fast a leaked key dies', remedy };
  const { toDead, verdict, because } = last.measures;
  const age = formatDuration(Math.max(0, now - last.at));
  if (verdict === 'failed')
    return {
      subject,
      verdict: 'warning',
      text: `the last one, ${age} ago with ${last.credential}, failed: ${because.join('; ')}`,
      remedy: `look at it with keybaton incident show ${last.incident}, then drill again: keybaton drill ${last.credential}`,
    };
  if (now - last.at > every)
    return {
      subject,
      verdict: 'warning',
      text: `the last one was ${age} ago, and one is due every ${formatDuration(every)}`,
      remedy,
    };
  return {
    subject,
    verdict: 'ok',
    text: `${age} ago with ${last.credential}: proved dead in ${formatDuration(toDead ?? 0)}`,
  };
}

/** A target of this tier whose keys can be minted. What does not bind is told by its own finding. */
async function minting(
  ports: Pick<ActivityPorts, 'provider'>,
  entries: readonly Entry[],
  tier: Tier,
): Promise<string | undefined> {
  const targets = new Set(
    entries.filter((one) => one.tier === tier && one.mode !== 'observe').map((one) => one.target),
  );
  for (const target of targets) {
    const provider = await ports.provider(target).catch(() => undefined);
    if (provider?.issue !== undefined) return target;
  }
  return undefined;
}
