import { postgresFamily } from '../crash/families.ts';
import { escalationSample } from '../crash/escalation-sample.ts';

/** Two slots and one key in each: what leaked makes room only by dying, and the old one comes back from a suspension. */
escalationSample('postgres-roles', postgresFamily, true, [
  { step: 'issuing', point: 'provider.issue:after', leaked: 'new' },
  { step: 'soaking', point: 'provider.suspend:after', leaked: 'new' },
  { step: 'revoking', point: 'provider.revoke:after', leaked: 'both' },
]);
