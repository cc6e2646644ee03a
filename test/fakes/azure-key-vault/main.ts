import { runFake } from '../main.ts';
import { azureKeyVaultVendor } from './server.ts';

await runFake(azureKeyVaultVendor);
