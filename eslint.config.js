import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { consoleAllowedIn } from './eslint/import-table.js';
import { keybatonRules } from './eslint/rules.js';

const asyncValidator = {
  selector: 'Property[key.name="validator"] > :function[async=true]',
  message: 'a validator of an update must not be async: its promise is never awaited and never rejects the update',
};

const ownClock = [
  { object: 'Date', property: 'now', message: 'the clock is a parameter here' },
  { object: 'Math', property: 'random', message: 'randomness is a parameter here' },
];

export default tseslint.config(
  { ignores: ['**/node_modules/', '**/dist/', '.servers/', '.keybaton/', 'consumer/python/'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,mts}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // A contract's method is async even where an implementation has nothing to await.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    plugins: { keybaton: keybatonRules },
    rules: {
      'keybaton/imports': 'error',
      'keybaton/reveal': 'error',
      'no-console': 'error',
      'no-restricted-syntax': ['error', asyncValidator],
      'max-lines': ['error', { max: 300 }],
      eqeqeq: 'error',
    },
  },
  { files: ['domain/**', 'activities/**'], rules: { 'no-restricted-properties': ['error', ...ownClock] } },
  { files: consoleAllowedIn.map((folder) => `${folder}**`), rules: { 'no-console': 'off' } },
  {
    files: ['test/**'],
    rules: {
      'no-console': 'off',
      // Tests read answers of the outside world as they come; a wrong shape fails the assertion.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['AbortController', 'Buffer', 'URL', 'clearTimeout', 'console', 'fetch', 'process', 'setTimeout'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
);
