import js from '@eslint/js';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['lib/', 'dist/', 'node_modules/', 'eslint.config.js'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      curly: 'error',
      'prefer-arrow-callback': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      // Text of others becomes text on the page, never HTML.
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Use textContent.' },
        { property: 'outerHTML', message: 'Use textContent.' },
        { property: 'insertAdjacentHTML', message: 'Use textContent.' }
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }]
    }
  },
  {
    // `test` of node gives a promise that its runner awaits.
    files: ['src/tests/**'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' }
  }
);
