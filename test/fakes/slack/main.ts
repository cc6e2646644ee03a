import { runFake } from '../main.ts';
import { slackVendor } from './server.ts';

await runFake(slackVendor);
