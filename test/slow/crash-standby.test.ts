import { standbyFamily } from '../crash/families.ts';
import { crashMatrix } from '../crash/matrix.ts';

crashMatrix('in-memory with a standby', async () => standbyFamily());
