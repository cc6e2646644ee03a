import { runFake } from '../main.ts';
import { openAiVendor } from './server.ts';

await runFake(openAiVendor);
