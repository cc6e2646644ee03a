// Adapters of your own: `export KEYBATON_CONFIG=$PWD/keybaton.config.mts` gives them to every command of keybaton.
import type { KeybatonConfig } from '@keybaton/keybaton/adapter';
import { acmeVendorProvider } from './acme-vendor.mts';

export default {
  providers: {
    'acme-vendor': () => acmeVendorProvider(),
  },
} satisfies KeybatonConfig;
