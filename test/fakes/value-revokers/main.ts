import { runFake } from '../main.ts';
import { valueRevokersVendor } from './server.ts';

await runFake(valueRevokersVendor);
