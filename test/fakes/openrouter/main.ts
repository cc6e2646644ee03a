import { runFake } from '../main.ts';
import { openRouterVendor } from './server.ts';

await runFake(openRouterVendor);
