import { inMemoryFamily } from '../crash/families.ts';
import { crashMatrix } from '../crash/matrix.ts';

crashMatrix('in-memory-slots', async () => inMemoryFamily('in-memory-slots'));
