import { inMemoryFamily } from '../crash/families.ts';
import { crashMatrix } from '../crash/matrix.ts';

crashMatrix('in-memory', async () => inMemoryFamily('in-memory'));
