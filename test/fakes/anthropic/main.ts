import { runFake } from '../main.ts';
import { anthropicVendor } from './server.ts';

await runFake(anthropicVendor);
