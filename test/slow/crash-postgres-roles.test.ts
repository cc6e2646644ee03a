import { postgresFamily } from '../crash/families.ts';
import { crashMatrix } from '../crash/matrix.ts';

crashMatrix('postgres-roles', postgresFamily);
