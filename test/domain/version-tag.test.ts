import { expect, test } from 'vitest';
import { parseVersionId } from '../../domain/identifiers.ts';
import { parseVersionTag, versionTag } from '../../domain/version-tag.ts';

const version = parseVersionId(`kb${'a1'.repeat(15)}`);

test('a tag is read back, alone or before people’s own words', () => {
  const tag = versionTag('inst01', version);
  expect(parseVersionTag(tag)).toEqual({ installation: 'inst01', version });
  expect(parseVersionTag(`${tag} support bot`)).toEqual({ installation: 'inst01', version });
});

test.each([
  'support bot',
  '',
  version,
  `inst01:${version}x`,
  `inst01:${version}:dead`,
  `x ${versionTag('inst01', version)}`,
  `abc:${version}`,
  `Inst01:${version}`,
  `inst01:${version.toUpperCase()}`,
])('%s is no tag of ours', (name) => {
  expect(parseVersionTag(name)).toBeUndefined();
});
