import { inMemoryFamily } from '../crash/families.ts';
import { escalationTable } from '../crash/escalation-table.ts';

escalationTable('both', async () => inMemoryFamily('in-memory'));
