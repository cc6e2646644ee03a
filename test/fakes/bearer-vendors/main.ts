import { runFake } from '../main.ts';
import { bearerVendors } from './server.ts';

await runFake(bearerVendors);
