/* wasm.hh: every class and method, over the same library. */
#include <cstdio>
#include <cstdlib>

#include <threadle.h>
#include <wasm.hh>

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1); \
    } \
  } while (0)

using namespace wasm;

static auto wat(const char* text) -> vec<byte_t> {
  wasm_byte_vec_t binary;
  CHECK(threadle_wat2wasm(text, std::strlen(text), &binary) == nullptr);
  auto result = vec<byte_t>::make(binary.size, binary.data);
  wasm_byte_vec_delete(&binary);
  return result;
}

static int finalized = 0;

static void finalizer(void* data) { finalized += *static_cast<int*>(data); }

static void vectors() {
  auto a = vec<int>::make(1, 2, 3);
  CHECK(a && a.size() == 3 && a[2] == 3 && a.get()[0] == 1);
  auto b = a.copy();
  b[0] = 7;
  CHECK(a[0] == 1 && b[0] == 7);
  a = std::move(b);
  CHECK(!b && a[0] == 7);
  a.reset();
  CHECK(!a && !vec<int>::invalid());
  CHECK(vec<int>::make() && vec<int>::make().size() == 0);
  auto c = vec<int>::adopt(2, new int[2]{4, 5});
  int* data = c.release();
  CHECK(!c && data[1] == 5);
  delete[] data;
  auto name = Name::make(std::string("abc")), terminated = Name::make_nt(std::string("abc"));
  CHECK(name.size() == 3 && terminated.size() == 4 && terminated[3] == 0);
  auto types = ownvec<ValType>::make(ValType::make(ValKind::I32), ValType::make(ValKind::F64));
  auto copies = types.deep_copy();
  CHECK(copies[1]->kind() == ValKind::F64 && copies[1].get() != types[1].get());
}

static void types() {
  auto func = FuncType::make(
    ownvec<ValType>::make(ValType::make(ValKind::I32), ValType::make(ValKind::EXTERNREF)),
    ownvec<ValType>::make(ValType::make(ValKind::I64)));
  CHECK(func->params().size() == 2 && func->params()[1]->is_ref() && func->params()[0]->is_num());
  CHECK(func->copy()->results()[0]->kind() == ValKind::I64 && func->kind() == ExternKind::FUNC);
  CHECK(FuncType::make()->params().size() == 0);
  auto global = GlobalType::make(ValType::make(ValKind::F32), Mutability::VAR);
  CHECK(global->content()->kind() == ValKind::F32 && global->mutability() == Mutability::VAR);
  auto table = TableType::make(ValType::make(ValKind::FUNCREF), Limits(1, 5));
  CHECK(table->element()->kind() == ValKind::FUNCREF && table->limits().max == 5);
  auto memory = MemoryType::make(Limits(3));
  CHECK(memory->limits().min == 3 && memory->limits().max == 0xffffffff);
  ExternType* item = global.get();
  CHECK(item->global() == global.get() && item->func() == nullptr && item->table() == nullptr);
  const ExternType* constant = item;
  CHECK(constant->global() == global.get() && constant->memory() == nullptr);
  CHECK(static_cast<ExternType*>(memory.get())->memory() == memory.get());
  CHECK(static_cast<ExternType*>(table.get())->copy()->table() != nullptr);
  auto import = ImportType::make(Name::make(std::string("m")), Name::make(std::string("n")), func->copy());
  CHECK(import->module()[0] == 'm' && import->copy()->name()[0] == 'n');
  CHECK(import->type()->func() != nullptr);
  auto exported = ExportType::make(Name::make(std::string("e")), memory->copy());
  CHECK(exported->copy()->name()[0] == 'e' && exported->type()->memory() != nullptr);
}

static auto add(const vec<Val>& args, vec<Val>& results) -> own<Trap> {
  results[0] = Val::i32(args[0].i32() + args[1].get<int32_t>());
  return nullptr;
}

static auto fail(void* env, const vec<Val>&, vec<Val>&) -> own<Trap> {
  return Trap::make(static_cast<Store*>(env), Message::make_nt(std::string("no")));
}

static auto pass(void* env, const vec<Val>& args, vec<Val>& results) -> own<Trap> {
  ++*static_cast<int*>(env);
  results[0] = args[0].copy();
  return nullptr;
}

static void objects(Engine* engine) {
  auto store = Store::make(engine);
  int calls = 0;
  auto i32 = [] { return ValType::make(ValKind::I32); };
  auto ref = [] { return ValType::make(ValKind::EXTERNREF); };
  auto add_type = FuncType::make(ownvec<ValType>::make(i32(), i32()), ownvec<ValType>::make(i32()));
  auto add_func = Func::make(store.get(), add_type.get(), add);
  auto fail_func = Func::make(store.get(), FuncType::make().get(), fail, store.get());
  auto pass_type = FuncType::make(ownvec<ValType>::make(ref()), ownvec<ValType>::make(ref()));
  auto pass_func = Func::make(store.get(), pass_type.get(), pass, &calls, finalizer);
  CHECK(add_func->param_arity() == 2 && add_func->result_arity() == 1);
  CHECK(add_func->type()->params().size() == 2);

  auto binary = wat(
    "(module $m (import \"\" \"add\" (func $add (param i32 i32) (result i32)))"
    "  (import \"\" \"fail\" (func $fail))"
    "  (import \"\" \"pass\" (func $pass (param externref) (result externref)))"
    "  (func (export \"add\") (param i32 i32) (result i32) (call $add (local.get 0) (local.get 1)))"
    "  (func (export \"fail\") (call $fail))"
    "  (func (export \"pass\") (param externref) (result externref) (call $pass (local.get 0)))"
    "  (global (export \"g\") (mut i64) (i64.const 5))"
    "  (table (export \"t\") 2 4 externref) (memory (export \"m\") 1 2))");
  CHECK(Module::validate(store.get(), binary) && !Module::validate(store.get(), Name::make()));
  auto module = Module::make(store.get(), binary);
  CHECK(module && !Module::make(store.get(), Name::make()));
  CHECK(module->imports().size() == 3 && module->exports()[0]->name()[0] == 'a');
  auto again = Module::deserialize(store.get(), module->serialize());
  CHECK(again && again->exports().size() == 6 && !again->same(module.get()));
  auto shared = module->share();
  CHECK(Module::obtain(store.get(), shared.get())->imports().size() == 3);
  CHECK(module->copy()->same(module.get()));

  own<Trap> trap;
  CHECK(!Instance::make(store.get(), module.get(), vec<Extern*>::make(), &trap) && trap);
  auto imports = vec<Extern*>::make(
    static_cast<Extern*>(add_func.get()), static_cast<Extern*>(fail_func.get()),
    static_cast<Extern*>(pass_func.get()));
  auto instance = Instance::make(store.get(), module.get(), imports, &trap);
  CHECK(instance && !trap && instance->copy()->same(instance.get()));
  auto exports = instance->exports();
  CHECK(exports.size() == 6 && exports[0]->kind() == ExternKind::FUNC);
  CHECK(exports[3]->type()->global() != nullptr && exports[3]->func() == nullptr);

  auto args = vec<Val>::make(Val::i32(2), Val::make<uint32_t>(40));
  auto results = vec<Val>::make_uninitialized(1);
  CHECK(!exports[0]->func()->call(args, results) && results[0].i32() == 42);
  auto none = vec<Val>::make(), nothing = vec<Val>::make();
  trap = exports[1]->func()->call(none, nothing);
  CHECK(trap && std::strcmp(trap->message().get(), "no") == 0 && trap->copy());
  CHECK(trap->trace().size() == 1 && trap->origin()->func_index() == 4);
  auto frame = trap->origin()->copy();
  CHECK(reinterpret_cast<Ref*>(frame->instance())->same(instance.get()));
  CHECK(frame->module_offset() > frame->func_offset());

  auto foreign = Foreign::make(store.get());
  foreign->set_host_info(&calls);
  auto one = vec<Val>::make(Val::ref(foreign->copy()));
  CHECK(!exports[2]->func()->call(one, results) && calls == 1 && results[0].is_ref());
  CHECK(results[0].ref()->get_host_info() == &calls && results[0].copy().ref()->same(foreign.get()));
  CHECK(!exports[2]->func()->call(vec<Val>::make(Val()), results) && results[0].ref() == nullptr);

  const Extern* item = exports[3].get();
  CHECK(item->global() != nullptr && item->table() == nullptr);
  auto global = exports[3]->global();
  CHECK(global->get().i64() == 5 && global->type()->mutability() == Mutability::VAR);
  global->set(Val::i64(6));
  CHECK(global->copy()->get().get<int64_t>() == 6);
  auto made = Global::make(store.get(), global->type().get(), Val::make<uint64_t>(9));
  CHECK(made->get().i64() == 9);
  CHECK(!Global::make(store.get(), global->type().get(), Val::f32(1)));

  auto table = exports[4]->table();
  CHECK(table->size() == 2 && !table->get(0) && table->set(1, foreign.get()));
  CHECK(table->get(1)->same(foreign.get()) && !table->set(2, nullptr));
  CHECK(table->grow(2, foreign.get()) && !table->grow(1) && table->type()->limits().min == 4);
  CHECK(Table::make(store.get(), table->type().get(), foreign.get())->get(3) && table->copy());

  auto memory = exports[5]->memory();
  CHECK(memory->size() == 1 && memory->data_size() == std::size_t{Memory::page_size});
  memory->data()[7] = 'x';
  CHECK(memory->grow(1) && !memory->grow(1) && memory->copy()->data()[7] == 'x');
  CHECK(Memory::make(store.get(), memory->type().get())->size() == 2);

  auto value = Val::f64(1.5);
  value = Val::ref(foreign->copy());
  auto released = value.release_ref();
  CHECK(released && value.ref() == nullptr);
  int weight = 100;
  instance->set_host_info(&weight, finalizer);
  exports.reset();
  CHECK(finalized == 0);
  calls = 1;
  /* References keep the store: the last is what frees it. */
  results.reset();
  one.reset();
  released.reset();
  frame.reset();
  trap.reset();
  made.reset();
  store.reset();
  foreign.reset();
  instance.reset();
  module.reset();
  again.reset();
  add_func.reset();
  fail_func.reset();
  CHECK(finalized == 0);
  pass_func.reset();
  CHECK(finalized == 101);
}

int main() {
  auto engine = Engine::make(Config::make());
  CHECK(engine && Engine::make());
  vectors();
  types();
  objects(engine.get());
  std::puts("ok");
  return 0;
}
