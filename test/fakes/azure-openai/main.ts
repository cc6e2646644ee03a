import { runFake } from '../main.ts';
import { azureOpenAiVendor } from './server.ts';

await runFake(azureOpenAiVendor);
