import type { Entry } from '../../domain/entry.ts';
import { credentialParts } from '../../domain/identifiers.ts';
import type { EntryScope } from './operation.ts';

/** What of an entry decides who may touch it. */
export const entryScope = ({ id, team, groups }: Pick<Entry, 'id' | 'team' | 'groups'>): EntryScope => ({
  environment: credentialParts(id).environment,
  team,
  groups,
});
