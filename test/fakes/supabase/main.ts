import { runFake } from '../main.ts';
import { supabaseVendor } from './server.ts';

await runFake(supabaseVendor);
