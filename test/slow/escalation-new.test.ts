import { inMemoryFamily } from '../crash/families.ts';
import { escalationTable } from '../crash/escalation-table.ts';

escalationTable('new', async () => inMemoryFamily('in-memory'));
