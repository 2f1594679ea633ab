//! Carries out a script's directives.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::thread::{Builder, Scope, ScopedJoinHandle, scope};

use ::wast::parser;
use ::wast::token::{Id, Span};
use ::wast::{QuoteWat, QuoteWatTest, WastDirective, WastExecute, WastInvoke, WastThread, Wat};

use super::{Event, Report, spectest, values};
use crate::prelude::*;
use crate::text::Unfolded;
use crate::{
    Engine, Error, Instance, Linker, Module, ModuleError, SharedMemory, Store, ThrownException,
    Trap, Val, WasmBacktrace,
};

/// Why a directive did not do what it should.
enum Failure {
    /// It is about something that is not this engine's business.
    Skipped(String),
    /// The engine, or the script, is wrong.
    Failed(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Failed(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::Failed(message.into())
    }
}

type Outcome<T = ()> = Result<T, Failure>;

pub(super) fn run(engine: &Engine, script: &str) -> Report {
    let fatal = |error: ::wast::Error| {
        let (line, column) = error.span().linecol_in(script);
        let message = format!("the script cannot be read: {}", error.message());
        let event = Event { line: line + 1, column: column + 1, message };
        Report { failures: vec![event], ..Report::default() }
    };
    // All of Unicode, as the official scripts have it.
    let text = match Unfolded::new(script, true) {
        Ok(text) => text,
        Err(error) => return fatal(error),
    };
    let buffer = match text.buffer() {
        Ok(buffer) => buffer,
        Err(error) => return fatal(error),
    };
    let directives = match parser::parse::<::wast::Wast<'_>>(&buffer) {
        Ok(script) => script.directives,
        Err(error) => return fatal(text.error(error)),
    };
    let text = &Text { script, unfolded: &text };
    scope(|scope| run_directives(engine, text, scope, directives, None))
}

/// A script, for the places of its directives.
struct Text<'text> {
    script: &'text str,
    unfolded: &'text Unfolded<'text>,
}

fn run_directives<'scope, 'text: 'scope>(
    engine: &'scope Engine,
    text: &'text Text<'text>,
    scope: &'scope Scope<'scope, '_>,
    directives: Vec<WastDirective<'text>>,
    inherited: Option<Inherited>,
) -> Report {
    let mut script = match Script::new(engine, text, scope) {
        Ok(script) => script,
        Err(error) => {
            let message = format!("cannot define the module `spectest`: {error:#}");
            let failures = vec![Event { line: 1, column: 1, message }];
            return Report { failures, ..Report::default() };
        }
    };
    script.inherited = inherited;
    for directive in directives {
        let span = directive.span();
        // A panic is a failure like others: the rest of the suite still tells something.
        let outcome = catch_unwind(AssertUnwindSafe(|| script.directive(directive)));
        match outcome.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Ok(()) => script.report.passed += 1,
            Err(Failure::Failed(message)) => {
                let event = script.event(span, message);
                script.report.failures.push(event);
            }
            Err(Failure::Skipped(message)) => {
                let event = script.event(span, message);
                script.report.skipped.push(event);
            }
        }
    }
    script.report
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::Failed(format!("panic: {}", message.unwrap_or("of unknown kind")))
}

/// The instance that another thread shares with this one: its exports.
#[derive(Clone)]
struct Inherited {
    name: String,
    memories: Vec<(String, SharedMemory)>,
}

/// What the directives of one thread act on.
struct Script<'scope, 'env, 'text> {
    engine: &'scope Engine,
    text: &'text Text<'text>,
    store: Store<()>,
    linker: Linker<()>,
    /// The instance that directives without a name mean; none after a module that failed.
    current: Option<Instance>,
    instances: HashMap<String, Instance>,
    definitions: HashMap<String, Module>,
    /// The last definition, with or without a name.
    definition: Option<Module>,
    scope: &'scope Scope<'scope, 'env>,
    threads: HashMap<String, ScopedJoinHandle<'scope, Report>>,
    inherited: Option<Inherited>,
    /// Why a thread did not run, if one did not: what follows depends on it.
    without_thread: Option<String>,
    report: Report,
}

impl<'scope, 'text: 'scope> Script<'scope, '_, 'text> {
    fn new<'env>(
        engine: &'scope Engine,
        text: &'text Text<'text>,
        scope: &'scope Scope<'scope, 'env>,
    ) -> crate::Result<Script<'scope, 'env, 'text>> {
        let mut store = Store::try_new(engine, ())?;
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        spectest::define(&mut linker, &mut store)?;
        Ok(Script {
            engine,
            text,
            store,
            linker,
            current: None,
            instances: HashMap::new(),
            definitions: HashMap::new(),
            definition: None,
            scope,
            threads: HashMap::new(),
            inherited: None,
            without_thread: None,
            report: Report::default(),
        })
    }

    fn event(&self, span: Span, message: String) -> Event {
        let span = self.text.unfolded.original_span(span);
        let (line, column) = span.linecol_in(self.text.script);
        Event { line: line + 1, column: column + 1, message }
    }

    fn directive(&mut self, directive: WastDirective<'text>) -> Outcome {
        if let Some(reason) = &self.without_thread {
            return Err(Failure::Skipped(reason.clone()));
        }
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(module) => self.define(module),
            WastDirective::ModuleInstance { instance, module, .. } => {
                let definition = match module {
                    Some(id) => self.definitions.get(id.name()),
                    None => self.definition.as_ref(),
                };
                let module = definition.ok_or("no such module definition")?.clone();
                self.instantiate(instance, &module)
            }
            WastDirective::Register { name, module, .. } => {
                if let Some(inherited) = &self.inherited
                    && module.is_some_and(|id| {
                        id.name() == inherited.name && !self.instances.contains_key(id.name())
                    })
                {
                    for (field, memory) in &inherited.memories {
                        let defined = self.linker.define(&self.store, name, field, memory.clone());
                        defined.map_err(|error| describe(&error))?;
                    }
                    return Ok(());
                }
                let instance = self.instance(module)?;
                let registered = self.linker.instance(&mut self.store, name, instance);
                registered.map_err(|error| describe(&error))?;
                Ok(())
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(invoke)?
                    .map_err(|error| format!("the call failed: {}", describe(&error)))?;
                Ok(())
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let values = self.execute(exec)?;
                let values = values.map_err(|error| format!("failed: {}", describe(&error)))?;
                Ok(values::check(&mut self.store, &values, &results)?)
            }
            WastDirective::AssertTrap { exec, message, .. } => match self.execute(exec)? {
                Err(error) => expect_trap(&error, message),
                Ok(values) => Err(returned(&values, message)),
            },
            WastDirective::AssertExhaustion { call, message, .. } => match self.invoke(call)? {
                Err(error) => expect_trap(&error, message),
                Ok(values) => Err(returned(&values, message)),
            },
            WastDirective::AssertException { exec, .. } => match self.execute(exec)? {
                Err(error) if error.is::<ThrownException>() => {
                    self.store.take_pending_exception();
                    Ok(())
                }
                Err(error) => {
                    Err(format!("expected an exception, got: {}", describe(&error)).into())
                }
                Ok(values) => Err(returned(&values, "an exception")),
            },
            WastDirective::AssertMalformed { module, message, .. }
            | WastDirective::AssertInvalid { module, message, .. } => {
                self.expect_refusal(module, message)
            }
            WastDirective::AssertMalformedCustom { mut module, message, .. }
            | WastDirective::AssertInvalidCustom { mut module, message, .. } => {
                match encode(&mut module) {
                    Err(_) => Ok(()),
                    // Custom sections never make a module invalid (core specification, appendix
                    // "Custom Sections"), so this engine has nothing to refuse.
                    Ok(_) => Err(Failure::Skipped(format!("custom section: {message}"))),
                }
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                match self.instantiate_wat(module)? {
                    Ok(_) => Err(format!("linked, expected: {message}").into()),
                    Err(error) if error.downcast_ref::<Trap>().is_some() => {
                        Err(format!("expected: {message}, got: {}", describe(&error)).into())
                    }
                    Err(_) => Ok(()),
                }
            }
            WastDirective::AssertSuspension { .. } => {
                Err(Failure::Skipped("stack switching is not supported".into()))
            }
            WastDirective::Thread(thread) => self.spawn(thread),
            WastDirective::Wait { thread, .. } => {
                let thread = self.threads.remove(thread.name()).ok_or("no such thread")?;
                let report = thread.join().map_err(|panic| panicked(&*panic))?;
                self.report.append(report);
                Ok(())
            }
        }
    }

    fn module(&mut self, mut module: QuoteWat<'text>) -> Outcome {
        let name = module.name();
        // Whatever comes next must not act on an older instance if this fails.
        self.current = None;
        if let Some(id) = name {
            self.instances.remove(id.name());
        }
        let bytes = encode(&mut module)?;
        let module = self.compile(&bytes).map_err(|error| describe(&error))?;
        self.instantiate(name, &module)
    }

    fn define(&mut self, mut module: QuoteWat<'text>) -> Outcome {
        let name = module.name();
        self.definition = None;
        if let Some(id) = name {
            self.definitions.remove(id.name());
        }
        let bytes = encode(&mut module)?;
        let module = self.compile(&bytes).map_err(|error| describe(&error))?;
        if let Some(id) = name {
            self.definitions.insert(id.name().to_owned(), module.clone());
        }
        self.definition = Some(module);
        Ok(())
    }

    fn compile(&self, bytes: &[u8]) -> crate::Result<Module> {
        Module::from_binary(self.engine, bytes)
    }

    fn instantiate(&mut self, name: Option<Id<'_>>, module: &Module) -> Outcome {
        let instance = self.linker.instantiate(&mut self.store, module);
        let instance =
            instance.map_err(|error| format!("instantiation failed: {}", describe(&error)))?;
        if let Some(id) = name {
            self.instances.insert(id.name().to_owned(), instance);
        }
        self.current = Some(instance);
        Ok(())
    }

    fn instantiate_wat(&mut self, module: Wat<'text>) -> Outcome<crate::Result<Instance>> {
        let bytes = encode(&mut QuoteWat::Wat(module))?;
        let module = self.compile(&bytes).map_err(|error| describe(&error))?;
        Ok(self.linker.instantiate(&mut self.store, &module))
    }

    fn expect_refusal(&self, mut module: QuoteWat<'text>, message: &str) -> Outcome {
        let Ok(bytes) = encode(&mut module) else { return Ok(()) };
        match self.compile(&bytes) {
            Err(error) if error.downcast_ref::<ModuleError>().is_some() => Ok(()),
            Err(error) => Err(format!("expected: {message}, got: {}", describe(&error)).into()),
            Ok(_) => Err(format!("the module was accepted, expected: {message}").into()),
        }
    }

    fn instance(&self, name: Option<Id<'_>>) -> Outcome<Instance> {
        let instance = match name {
            Some(id) => self.instances.get(id.name()).copied(),
            None => self.current,
        };
        Ok(instance.ok_or("no such instance")?)
    }

    /// Carries out an action. The outer error is the script's, the inner one what it may assert.
    fn execute(&mut self, exec: WastExecute<'text>) -> Outcome<crate::Result<Vec<Val>>> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Wat(module) => Ok(self.instantiate_wat(module)?.map(|_| Vec::new())),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                let global = instance.get_global(&mut self.store, global);
                let global = global.ok_or("no such global is exported")?;
                Ok(Ok(vec![global.get(&mut self.store)]))
            }
        }
    }

    fn invoke(&mut self, invoke: WastInvoke<'text>) -> Outcome<crate::Result<Vec<Val>>> {
        let instance = self.instance(invoke.module)?;
        let func = instance.get_func(&mut self.store, invoke.name);
        let func = func.ok_or_else(|| format!("no function `{}` is exported", invoke.name))?;
        let ty = func.ty(&self.store);
        if ty.params().len() != invoke.args.len() {
            return Err(format!("`{}` takes {} arguments", invoke.name, ty.params().len()).into());
        }
        let mut args = Vec::with_capacity(invoke.args.len());
        for (arg, ty) in invoke.args.iter().zip(ty.params()) {
            args.push(values::argument(&mut self.store, arg, ty)?);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        Ok(func.call(&mut self.store, &args, &mut results).map(|()| results))
    }

    /// What a thread can have of an instance. Items belong to one store; what stores have in
    /// common are shared memories.
    fn shared(&mut self, id: Id<'_>) -> Outcome<Inherited> {
        let name = id.name();
        let Some(instance) = self.instances.get(name).copied() else {
            // A thread can pass on what it was given.
            let inherited = self.inherited.as_ref().filter(|it| it.name == name);
            return Ok(inherited.ok_or("no such instance")?.clone());
        };
        let mut memories = Vec::new();
        for export in instance.exports(&mut self.store) {
            let name = export.name().to_owned();
            match export.into_shared_memory() {
                Some(memory) => memories.push((name, memory)),
                None => return Err(format!("cannot share `{name}` between stores").into()),
            }
        }
        Ok(Inherited { name: name.to_owned(), memories })
    }

    /// Runs a thread's directives, in a store of its own.
    fn spawn(&mut self, thread: WastThread<'text>) -> Outcome {
        let shared = thread.shared_module.map(|id| self.shared(id)).transpose()?;
        let (engine, text, scope) = (self.engine, self.text, self.scope);
        let directives = thread.directives;
        let run = move || run_directives(engine, text, scope, directives, shared);
        match Builder::new().spawn_scoped(scope, run) {
            Ok(handle) => {
                self.threads.insert(thread.name.name().to_owned(), handle);
                Ok(())
            }
            Err(error) => {
                let reason = self.without_thread.insert(format!("no thread can be had: {error}"));
                Err(Failure::Skipped(reason.clone()))
            }
        }
    }
}

/// The module in binary form.
fn encode(module: &mut QuoteWat<'_>) -> Outcome<Vec<u8>> {
    if matches!(module, QuoteWat::QuoteComponent(..) | QuoteWat::Wat(Wat::Component(_))) {
        return Err(Failure::Skipped("components are not supported".into()));
    }
    let text = match module.to_test().map_err(|error| error.message())? {
        QuoteWatTest::Binary(bytes) => return Ok(bytes),
        QuoteWatTest::Text(text) => text,
    };
    let text = core::str::from_utf8(&text).map_err(|_| "malformed UTF-8 encoding")?;
    let encoded = Unfolded::new(text, true).and_then(|unfolded| unfolded.encode());
    Ok(encoded.map_err(|error| {
        let (line, column) = error.span().linecol_in(text);
        format!("{} at {}:{} of the module's text", error.message(), line + 1, column + 1)
    })?)
}

/// An error in one line: without its backtrace.
fn describe(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string);
    causes.filter(|cause| Some(cause) != backtrace.as_ref()).collect::<Vec<_>>().join(": ")
}

fn returned(values: &[Val], expected: &str) -> Failure {
    let values: Vec<String> = values.iter().map(values::show).collect();
    Failure::Failed(format!("returned ({}), expected: {expected}", values.join(", ")))
}

/// Checks that an error is the trap with this message.
fn expect_trap(error: &Error, expected: &str) -> Outcome {
    let trap = error.downcast_ref::<Trap>();
    let trap =
        trap.ok_or_else(|| format!("expected the trap: {expected}, got: {}", describe(error)))?;
    if message_matches(*trap, expected) {
        return Ok(());
    }
    Err(format!("expected the trap: {expected}, got: {trap}").into())
}

/// Is that what the official suite calls this trap? Scripts of different ages are more or less
/// exact: "out of bounds", "uninitialized element 2".
fn message_matches(trap: Trap, expected: &str) -> bool {
    let message = trap.to_string();
    let message = message.strip_prefix("wasm trap: ").unwrap_or(&message);
    match trap {
        Trap::NullReference => expected.starts_with("null ") && expected.ends_with("reference"),
        Trap::UnreachableCodeReached => expected == "unreachable",
        Trap::AtomicWaitNonSharedMemory => expected == "expected shared memory",
        Trap::TableOutOfBounds => ["out of bounds table access", "undefined element"]
            .iter()
            .any(|message| message.starts_with(expected) || expected.starts_with(message)),
        _ => message.starts_with(expected) || expected.starts_with(message),
    }
}
