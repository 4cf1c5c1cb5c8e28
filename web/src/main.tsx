import './theme/fonts.css';
import './theme/tokens.css';
import './theme/base.css';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { listenToKeys } from './app/commands';
import { watchBrowser } from './app/connection';
import { applySettings } from './settings/store';

applySettings();
listenToKeys();
watchBrowser();
createRoot(document.getElementById('root') as HTMLElement).render(<App />);
