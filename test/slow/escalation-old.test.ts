import { inMemoryFamily } from '../crash/families.ts';
import { escalationTable } from '../crash/escalation-table.ts';

escalationTable('old', async () => inMemoryFamily('in-memory'));
