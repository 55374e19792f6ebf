// Starts `duly lsp` and hands the editor over to it.
"use strict";
const { isAbsolute, join } = require("node:path");
const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

function executable() {
  const [command = "duly", ...args] = workspace.getConfiguration("duly").get("command") ?? [];
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  const local = folder && /[\\/]/.test(command) && !isAbsolute(command);
  return { command: local ? join(folder, command) : command, args, transport: TransportKind.stdio, options: { cwd: folder } };
}

async function start() {
  client = new LanguageClient("duly", "Duly", executable(), {
    documentSelector: [{ language: "duly", scheme: "file" }, { language: "duly", scheme: "untitled" }],
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    window.showErrorMessage(`Duly's language server does not start: ${error.message}. Is duly installed? See the setting duly.command.`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

exports.activate = async (context) => {
  context.subscriptions.push(
    commands.registerCommand("duly.restart", async () => {
      await stop();
      await start();
    }),
    workspace.onDidChangeConfiguration(async (event) => {
      if (!event.affectsConfiguration("duly.command")) return;
      await stop();
      await start();
    }),
  );
  await start();
};

exports.deactivate = stop;
