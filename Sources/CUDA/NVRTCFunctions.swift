internal import CCUDA

extension NVRTCFunctions {
    init(_ library: DynamicLibrary) throws(CUDAError) {
        self.init(
            version: try library.function("nvrtcVersion"),
            getErrorString: try library.function("nvrtcGetErrorString"),
            createProgram: try library.function("nvrtcCreateProgram"),
            destroyProgram: try library.function("nvrtcDestroyProgram"),
            compileProgram: try library.function("nvrtcCompileProgram"),
            getCUBINSize: try library.function("nvrtcGetCUBINSize"),
            getCUBIN: try library.function("nvrtcGetCUBIN"),
            getProgramLogSize: try library.function("nvrtcGetProgramLogSize"),
            getProgramLog: try library.function("nvrtcGetProgramLog")
        )
    }
}
