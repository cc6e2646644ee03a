import type { Told } from './events.ts';
import { assistant, jobs } from './files.ts';

export interface VersionNames {
  /** One event of the ledger as a line for a stranger; undefined: not worth one. */
  narrate(event: Told): string | undefined;
}

/** Names versions in the order in which they were planned: ids are for machines. */
export function versionNames(): VersionNames {
  const names = new Map<string, string>();
  const planned = new Map<string, number>();
  const current = new Map<string, string>();
  return {
    narrate(event) {
      const { kind, version, credential, body } = event;
      // A dozen of them at once: their act counts them.
      if (credential !== null && jobs.includes(credential)) return undefined;
      if (kind === 'version.planned' && version !== null && credential !== null) {
        const number = (planned.get(credential) ?? 0) + 1;
        planned.set(credential, number);
        const place = credential === assistant ? '' : ` (${String((body['baseline'] as { place?: unknown }).place)})`;
        names.set(version, `${credential === assistant ? 'key' : 'login'} ${number}${place}`);
      }
      if (kind === 'promotion.decided' && version !== null)
        current.set(`${credential ?? ''}/${event.epoch ?? 0}`, version);
      // Evidence belongs to an epoch, and the epoch names the version.
      const about = version ?? current.get(`${credential ?? ''}/${event.epoch ?? 0}`) ?? '';
      return lineOf(event, names.get(about) ?? about);
    },
  };
}

function lineOf(event: Told, version: string): string | undefined {
  const { kind, body } = event;
  const epoch = event.epoch ?? 0;
  const text = (name: string): string => {
    const value = body[name];
    return typeof value === 'string' ? value : '';
  };
  switch (kind) {
    case 'version.issued':
      return `${version} is made at the provider and stored; nobody reads it yet`;
    case 'version.spent':
      return `${version}: its create call was never answered, so it is to die, and another is made`;
    case 'promotion.decided':
      return epoch === 1 ? `${version} is current` : `${version} is current from now on (epoch ${epoch})`;
    case 'evidence.recorded':
      return `${text('consumer')} proves that it uses ${version} (epoch ${epoch})`;
    case 'evidence.withdrawn':
      return `${text('consumer')} went back to the version before: its proof does not count`;
    case 'alarm.raised':
      return `people are told: ${text('text')}`;
    case 'request.made':
      return text('kind') === 'rollBack' ? 'asked for: keybaton rollback' : undefined;
    case 'version.suspended':
      return `every proof is there and ${version} was silent: it is suspended, and could still be turned back`;
    case 'revoke.authorised':
      return `the end of ${version} is authorised`;
    case 'version.compromised':
      return `${version} leaked: it dies now, whoever holds it`;
    case 'version.dead':
      return `${version} is dead: the provider refuses it`;
    case 'rotation.ended':
      return `the rotation ends: ${text('outcome')}`;
    default:
      return undefined;
  }
}
