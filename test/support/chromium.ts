import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { debianServer } from '../../scripts/servers/tools.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

/** The real browser, without a window. `close` ends it and every page in it. */
export async function startChromium(): Promise<Browser & AsyncDisposable> {
  const { path, root, env } = debianServer('chromium');
  const folder = temporaryFolder('chromium');
  // Some libraries of the package lie a folder deeper, where its own loader would look for them.
  const libraries = Object.values(env).flatMap((list) => list.split(delimiter));
  const fonts = join(folder.path, 'fonts.conf');
  const places = [...new Set(['/', root])].map((one) => `<dir>${join(one, 'usr/share/fonts')}</dir>`).join('');
  writeFileSync(fonts, `<fontconfig>${places}<cachedir>${folder.path}</cachedir></fontconfig>`);
  const browser = await chromium.launch({
    executablePath: path,
    // As root in a container it can make no sandbox; it loads nothing but our own pages.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder.path,
      FONTCONFIG_FILE: fonts,
      ...(libraries.length === 0
        ? {}
        : { LD_LIBRARY_PATH: libraries.flatMap((one) => [one, join(one, 'pulseaudio')]).join(delimiter) }),
    },
  });
  browser.on('disconnected', () => folder.remove());
  return browser;
}
