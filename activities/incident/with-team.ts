import type { Notice } from '../../domain/notice.ts';
import { within } from './patience.ts';
import type { IncidentEffectPorts } from './ports.ts';

/** Milliseconds: people are told without it rather than late. */
const patience = 1_000;

/** Whose credential a notice is about, where it is about one and the ledger says so at once. Never throws. */
export async function withTeam({ ledger }: Pick<IncidentEffectPorts, 'ledger'>, notice: Notice): Promise<Notice> {
  const { credential } = notice;
  if (credential === undefined || notice.team !== undefined) return notice;
  const ask = async (): Promise<string> => (await (await ledger()).facts(credential)).entry.team;
  try {
    return { ...notice, team: await within(ask(), patience) };
  } catch {
    // A ledger that is down, or knows no such credential, keeps nobody from being told.
    return notice;
  }
}
