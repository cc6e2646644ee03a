import { join } from 'node:path';
import type { Trail } from '../activities/trail.ts';
import { vaultKvSettings } from '../backends/vault-kv/settings.ts';
import { readAccessLog } from '../evidence/access-trail.ts';
import { readVaultAudit } from '../evidence/vault-audit.ts';
import type { BackendPlace } from '../inventory/targets.ts';

/** What a backend keeps of who read what, by its kind. */
export function openTrail({ kind, settings }: BackendPlace, home: string): Trail {
  if (kind === 'embedded') {
    return {
      kind: 'file',
      name: 'access log',
      wholeSinceMade: true,
      read: (versions, query) => readAccessLog(versions, { ...query, file: join(home, 'access.jsonl') }),
    };
  }
  if (kind !== 'vault-kv') return { kind: 'none', why: `a backend of kind ${kind} keeps no trail that keybaton reads` };
  const parsed = vaultKvSettings.safeParse(settings);
  const file = parsed.data?.auditFile;
  if (parsed.data === undefined || file === undefined)
    return { kind: 'none', why: 'its settings name no auditFile: give one to have readings looked up' };
  const { mount, stagingPrefix, namespace } = parsed.data;
  return {
    kind: 'file',
    name: 'audit file',
    wholeSinceMade: false,
    read: (versions, query) => readVaultAudit({ mount, stagingPrefix, namespace }, versions, { ...query, file }),
  };
}
